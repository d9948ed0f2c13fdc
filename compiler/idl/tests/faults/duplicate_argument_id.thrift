service Store {
    void ping(),
    void buy(
        1: string asin,
        1: string account, // E0006
    ),
}
