struct Album {}

service Store {
    void buy() throws (1: Album album), // E0008
}
