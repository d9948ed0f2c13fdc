const i32 FIRST = 1
const i32 SECOND = "two" // E0010 Thrift: 3
