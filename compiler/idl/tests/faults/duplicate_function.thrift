service Store {
    void ping(),
    void ping(), // E0005
}
