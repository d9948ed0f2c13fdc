const i32 FIRST = 1
const i32 SECOND = // E0001 Thrift: 3
