typedef string Asin
enum Format { CD = 1, LP = 2 }
enum Size { CD = 1, S = 2 }
struct Album {
  1: string title,
  2: i32 year
}
union Either {
  1: i32 number,
  2: string text
}

const i32 A = "ten"
const Asin B = 10
const bool C = 2
const double D = [1.5]
const list<i32> E = {1: 2}
const map<string, list<i32>> F = {"a": [1, "b"], 2: [3]}
const Album G = {"titel": "x", "year": "1999"}
const Album H = {"year": 1, "year": 2}
const Either I = {"number": 1, "text": "x"}
const uuid J = "not-a-uuid"
const string K = "\xff"
const binary L = "\xff"
const list<i64> M = E
const string N = L2
const i32 L2 = 3
const Format O = Format.LP
const string P = Format.LP
const Album Q = {1: "x"}
const Format R = Q
