"""Calls of the Oracle service by Apache's generated Python, framed over TCP or by HTTP.

Takes a folder with the generated package in `gen`, a port of this machine or an HTTP URL, and the protocol. Ends with an error at the first
answer that is not the expected one, and otherwise says how many things were tried.
"""
import os
import sys

sys.path.insert(0, os.path.join(sys.argv[1], "gen"))

from oracle import Oracle  # noqa: E402
from oracle.ttypes import Everything, Refused, Tree  # noqa: E402
from thrift.Thrift import TApplicationException, TMessageType  # noqa: E402
from thrift.protocol import TBinaryProtocol, TCompactProtocol, TJSONProtocol, TMultiplexedProtocol  # noqa: E402
from thrift.transport import THttpClient, TSocket, TTransport  # noqa: E402

PROTOCOLS = {
    "binary": TBinaryProtocol.TBinaryProtocol,
    "binary-native": TBinaryProtocol.TBinaryProtocolAccelerated,
    "compact": TCompactProtocol.TCompactProtocol,
    "compact-native": TCompactProtocol.TCompactProtocolAccelerated,
    "json": TJSONProtocol.TJSONProtocol,
}

over_http = sys.argv[2].startswith("http:")
if over_http:
    transport = THttpClient.THttpClient(sys.argv[2])
else:
    transport = TTransport.TFramedTransport(TSocket.TSocket("127.0.0.1", int(sys.argv[2])))
protocol = PROTOCOLS[sys.argv[3]](transport)
client = Oracle.Client(protocol)
transport.open()
done = 0

# No arguments and no result.
assert client.ping() is None
done += 1

# A struct both ways.
sent = Everything(refused=Refused(reason="h\u00e9llo", code=-3), tree=Tree(value=1, children=[Tree(value=2), Tree(value=3)]))
came = client.echo(sent)
assert (came.refused, came.tree) == (sent.refused, sent.tree), came
done += 1

# A declared exception.
try:
    client.echo(Everything(refused=Refused(reason="refuse", code=0)))
    raise AssertionError("it was not refused")
except Refused as refused:
    assert (refused.reason, refused.code) == ("as asked", 7), refused
done += 1

# Oneway calls, which have no reply: the next call finds its own.
client.tell("first")
client.tell("second")
assert client.flag(False) is True
done += 1

# Two calls at once: replies come in the order of the calls, though the first takes longer. Over HTTP there is but one at a time.
if not over_http:
    client.send_flag(True)
    client.send_flag(False)
    assert (client.recv_flag(), client.recv_flag()) == (False, True)
done += 1

# The caller's number comes back.
protocol.writeMessageBegin("flag", TMessageType.CALL, 4711)
arguments = Oracle.flag_args(on=False)
arguments.write(protocol)
protocol.writeMessageEnd()
transport.flush()
name, kind, number = protocol.readMessageBegin()
assert (name, kind, number) == ("flag", TMessageType.REPLY, 4711), (name, kind, number)
result = Oracle.flag_result()
result.read(protocol)
protocol.readMessageEnd()
assert result.success is True
done += 1

# A method that nobody has.
protocol.writeMessageBegin("absent", TMessageType.CALL, 12)
arguments.write(protocol)
protocol.writeMessageEnd()
transport.flush()
name, kind, number = protocol.readMessageBegin()
assert (name, kind, number) == ("absent", TMessageType.EXCEPTION, 12), (name, kind, number)
exception = TApplicationException()
exception.read(protocol)
protocol.readMessageEnd()
assert exception.type == TApplicationException.UNKNOWN_METHOD, exception
assert client.ping() is None
done += 1

# Of two services at one port, one by its name. HTTP has paths for that.
if not over_http:
    other = Oracle.Client(TMultiplexedProtocol.TMultiplexedProtocol(protocol, "contrary"))
    assert (client.flag(False), other.flag(False)) == (True, False)
    try:
        Oracle.Client(TMultiplexedProtocol.TMultiplexedProtocol(protocol, "nobody")).ping()
        raise AssertionError("nobody answered")
    except TApplicationException as exception:
        assert "nobody serves `nobody` here, only oracle, contrary" in exception.message, exception
done += 1

transport.close()
print("done", done)
