struct Album {
  string title,
  string artist,
  1: i32 year
}
struct Odd { 0: i32 zero, -1: i32 one }
service Store {
  void buy(string asin)
}
