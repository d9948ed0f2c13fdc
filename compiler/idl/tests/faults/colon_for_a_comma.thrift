struct Album {
    1: string title;
    2: i32 year: // E0001
    3: string asin;
}
