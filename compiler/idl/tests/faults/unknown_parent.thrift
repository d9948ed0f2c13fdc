struct Album {
    1: i32 year,
}

service Store extends Nobody { // E0007
    void ping(),
}
