struct Album {
    1: string title,
}
} // E0001
