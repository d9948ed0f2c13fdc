struct Album {
    1: string title,
    2: i32 year,
    1: string asin, // E0006
}
