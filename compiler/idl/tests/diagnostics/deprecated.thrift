java_package com.example.music
senum Colour { "red", "green" }
service Store {
  async void note(1: slist text)
}
