struct Album {
    1: string title,
    2: year, // E0001
}
