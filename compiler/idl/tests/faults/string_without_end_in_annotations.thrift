struct Album {
    1: string title,
} (
    first = "a",
    second = "b // E0001 Thrift: 6
)
