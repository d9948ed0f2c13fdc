service Store {}

service Store { // E0005 Thrift: 7

    void ping(),
}
