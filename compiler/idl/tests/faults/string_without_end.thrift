const string FIRST = "a"
const string SECOND = "b // E0001 Thrift: 3
const string THIRD = "c"
