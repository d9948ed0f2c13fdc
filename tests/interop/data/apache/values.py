"""The values of tests/apache/values.rs, made again with Apache's generated Python, and held against what the Rust side wrote.

Takes a folder with the generated package in `gen` and with `VALUE.PROTOCOL.ours`. Reads each of those with every
implementation of the protocol, compares with the value made here, and writes `VALUE.PROTOCOL.IMPLEMENTATION` for the other
side to read. Ends with an error at the first difference.
"""
import math
import os
import sys

sys.path.insert(0, os.path.join(sys.argv[1], "gen"))

from keyless.ttypes import Keyless  # noqa: E402
from oracle.ttypes import *  # noqa: E402, F403
from thrift.protocol import TBinaryProtocol, TCompactProtocol, TJSONProtocol, fastbinary  # noqa: E402, F401
from thrift.transport.TTransport import TMemoryBuffer  # noqa: E402

I8, I16, I32, I64 = ((-(1 << bits), (1 << bits) - 1) for bits in (7, 15, 31, 63))


def scalars(yes, small, medium, number, large, ratio, text, blob, colour):
    return Scalars(yes=yes, no=not yes, small=small, smaller=small, medium=medium, number=number, large=large,
                   ratio=ratio, text=text, blob=blob, colour=colour, id=large)


def least():
    return scalars(True, I8[0], I16[0], I32[0], I64[0], -0.0, "", b"", Colour.NEGATIVE)


def most():
    return scalars(False, I8[1], I16[1], I32[1], I64[1], sys.float_info.max, "h\u00e9llo \U0001f980\n\0\u2028",
                   b"\x00\x01\x7f\x80\xff", 77)


def empty():
    return Containers(bools=[], octets=[], shorts=[], numbers=[], larges=[], ratios=[], texts=[], blobs=[], colours=[],
                      structs=[], primes=set(), names=set(), ages={}, byNumber={}, flags={}, byByte={}, table=[], deep={},
                      index={}, maps=[], choices={})


def full():
    return Containers(
        bools=[True, False, True],
        octets=[I8[0], -1, 0, 1, I8[1]],
        shorts=[I16[0], -1, 0, 1, I16[1]],
        numbers=[n * n - 1000 for n in range(300)],
        larges=[I64[0], -(1 << 40), -1, 0, 1, 1 << 40, I64[1]],
        ratios=[-0.0, 0.0, 1.5, sys.float_info.min, math.inf, -math.inf],
        texts=["", "\u00fc", "\U0001f980\u65e5\u672c"],
        blobs=[b"", b"\xff" * 200],
        colours=[Colour.RED, Colour.NEGATIVE, 77],
        structs=[least(), most()],
        primes={-2, 3, 1 << 30},
        names={"a", "", "\u00e9"},
        ages={"": I64[0], "ann": 1},
        byNumber={n: str(n) for n in range(20)},
        flags={False: True, True: False},
        byByte={-1: least(), 1: most()},
        table=[[], [True], [False] * 15],
        deep={I32[0]: {}, 7: {"a": [I16[0], 0, I16[1]], "b": []}},
        index={"x": [I64[1]]},
        maps=[{}, {"t": True, "u": False}],
        choices={9: Choice(flag=False)},
    )


def gaps():
    return Gaps(first=1, nearest=16, far=True, nearby=False, nothing=Empty(), text="far", last=I64[0])


def refused():
    return Refused(reason="n\u00f3", code=-1, why=Choice(number=5))


def bare():
    # The defaults of `Modifiers` are left to the generated class.
    return Everything(scalars=least(), containers=empty(), gaps=gaps(), modifiers=Modifiers(must=I32[0], flag=False),
                      choices=[], refused=Refused(reason="", code=0))


def rich():
    modifiers = Modifiers(must=I32[0], may=-1, preset=7, greeting="", flag=True, maybe=False, some=[], colour=Colour.BLUE)
    choices = [Choice(number=I64[0]), Choice(text="\u00e9"), Choice(flag=True), Choice(flag=False),
               Choice(many=[""] * 15), Choice(scalars=most()), Choice(nothing=Empty())]
    tree = Tree(value=1, left=Tree(value=2), children=[Tree(value=3), Tree(value=4)])
    return Everything(scalars=most(), containers=full(), gaps=gaps(), modifiers=modifiers, choices=choices,
                      refused=refused(), tree=tree)


def older(containers):
    return Older(containers=OlderContainers(numbers=containers.numbers, flags=containers.flags),
                 gaps=OlderGaps(nearby=False, text="far"))


VALUES = {"least": least(), "most": most(), "refused": refused(), "backwards": Backwards(third=3, second=True, first=-1),
          "keyless": Keyless(number=-1, flag=True, large=I64[1], text="\u00e9"), "bare": bare(), "rich": rich()}
# The same bytes, taken for what an older program knows, and for something else. The skipping that is written in Python
# takes every binary for text and fails at one that is none, so it gets the value that has none.
VIEWS = {
    ("bare", "python"): [older(empty()), Mistaken(refused=bare().refused)],
    ("bare", "native"): [older(empty()), Mistaken(refused=bare().refused)],
    ("rich", "native"): [older(full()), Mistaken(refused=refused())],
}
# Its C code leaves out what has a negative id.
NOT_NATIVE = {"keyless"}
PROTOCOLS = {
    "binary": {"python": TBinaryProtocol.TBinaryProtocol, "native": TBinaryProtocol.TBinaryProtocolAccelerated},
    "compact": {"python": TCompactProtocol.TCompactProtocol, "native": TCompactProtocol.TCompactProtocolAccelerated},
    "json": {"python": TJSONProtocol.TJSONProtocol},
}


def read(cls, protocol, data):
    value = cls()
    # An exception cannot be altered: its class reads another one.
    return value.read(protocol(TMemoryBuffer(data))) or value


def plain(value):
    """Values that compare like their bytes: with the sign of a zero, and sets and maps in order."""
    if isinstance(value, float):
        return (value, math.copysign(1, value))
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    if isinstance(value, dict):
        return sorted((plain(key), plain(element)) for key, element in value.items())
    if hasattr(value, "__dict__"):
        return (type(value).__name__, [(name, plain(field)) for name, field in sorted(vars(value).items())])
    return (type(value).__name__, value)


def check(folder, name, protocol, implementation, make):
    with open(os.path.join(folder, f"{name}.{protocol}.ours"), "rb") as file:
        ours = file.read()
    for expected in [VALUES[name], *VIEWS.get((name, implementation), [])]:
        found = read(type(expected), make, ours)
        if plain(found) != plain(expected):
            sys.exit(f"{name} in {protocol}, read by {implementation}:\n{found}\nis not\n{expected}")
    buffer = TMemoryBuffer()
    VALUES[name].write(make(buffer))
    with open(os.path.join(folder, f"{name}.{protocol}.{implementation}"), "wb") as file:
        file.write(buffer.getvalue())


compared = 0
for name in VALUES:
    for protocol, implementations in PROTOCOLS.items():
        for implementation, make in implementations.items():
            if implementation == "native" and name in NOT_NATIVE:
                continue
            check(sys.argv[1], name, protocol, implementation, make)
            compared += 1
print("compared", compared)
