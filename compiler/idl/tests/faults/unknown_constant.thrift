struct Album {
    1: i32 year = 1970,
}

const i32 FIRST = MISSING // E0011 Thrift: 6
