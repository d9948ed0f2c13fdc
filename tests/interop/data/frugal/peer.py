"""The Frugal peer of tests/frugal_python.rs: PyPI's frugal 3.4.1, with the service and the values of src/peer.rs made again here.

    peer.py GEN serve NATS             serves at `wire.PROTOCOL` on NATS and at /PROTOCOL over HTTP; says `ready PORT`
    peer.py GEN call NATS ADDRESS URL  calls over both in each protocol; says what it compared
    peer.py GEN subscribe NATS         subscribes in each protocol; says `ready`, then each event
    peer.py GEN publish NATS           publishes in each protocol; says how many

`GEN` is the folder of what Apache's compiler generates. Ends when its standard input does; with an error at the first difference.
"""
import asyncio
import sys

sys.path.insert(0, sys.argv[1])

import on_today  # noqa: E402, I001
import glue  # noqa: E402
from aiohttp import web  # noqa: E402
from frugal.aio.server import FNatsServer  # noqa: E402
from frugal.aio.server.http_handler import new_http_handler  # noqa: E402
from frugal.aio.transport import (  # noqa: E402
    FHttpTransport,
    FNatsPublisherTransportFactory,
    FNatsSubscriberTransportFactory,
    FNatsTransport,
)
from frugal.context import FContext  # noqa: E402
from thrift.Thrift import TApplicationException  # noqa: E402
from thrift.transport.TTransport import TTransportException  # noqa: E402
from wire import Wire  # noqa: E402
from wire.ttypes import Choice, Color, Everything, Oops, Point  # noqa: E402
from wirebase.ttypes import BaseError  # noqa: E402


def everything():
    return Everything(
        b=True, i8f=-8, i16f=-300, i32f=70000, i64f=-5000000000, d=3.25, s='h\u00e9llo "w\\rld"\n\u2028 \U0001f980',
        bin=b"\x00\x01\x02\xfe\xff", color=Color.BLUE, li=[1, -1, 1 << 30], ss={"only"}, m={"k": 9}, p=Point(3, 4, "lbl"),
        c=Choice(text="chosen"), lp=[Point(x=1), Point(x=2)], ml={5: [True, False]}, ob=False, lb=[True, False, True], big=1)


def context(correlation_id="cid"):
    return FContext(correlation_id, 20000)


class Handler:
    def __init__(self):
        self.fired = []

    async def ping(self, ctx, tag):
        return "pong:" + tag

    async def echo(self, ctx, msg):
        for name, answer in [("na\u00efve", "na\u00efve-back"), ("who", "served-for")]:
            if ctx.get_request_header(name) is not None:
                ctx.set_response_header(answer, ctx.get_request_header(name))
        return (self.fired or [""])[-1] if msg == "what was fired?" else msg

    async def roundtrip(self, ctx, e):
        return e

    async def fails(self, ctx, how):
        if how == 1:
            raise Oops(code=42, reason="declared")
        if how == 2:
            raise BaseError(code=7, reason="from base")
        if how == 3:
            raise RuntimeError("handler blew up")
        if how == 4:
            raise TApplicationException(400, "application says no")
        return how

    async def fire(self, ctx, msg):
        self.fired.append(msg)

    async def blob(self, ctx, size):
        return b"\xab" * size

    async def nothing(self, ctx):
        pass

    async def flag(self, ctx, on):
        return not on

    async def ghost(self, ctx, msg):
        return msg


async def connect(url):
    client = on_today.Client()
    await client.connect(url)
    return client


async def until_told():
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def serve(nats):
    client = await connect(nats)
    app = web.Application(client_max_size=1 << 26)
    for name, protocol in glue.PROTOCOLS.items():
        processor = glue.processor(Wire, Handler())
        await FNatsServer(client, ["wire." + name], processor, protocol).serve()
        app.router.add_post("/" + name, new_http_handler(processor, protocol))
    await client.flush()
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("ready", runner.addresses[0][1], flush=True)
    await until_told()


async def fails(awaitable, cls, **attributes):
    try:
        value = await awaitable
    except cls as error:
        for name, expected in attributes.items():
            found = getattr(error, name)
            assert expected in found if isinstance(expected, str) else found == expected, (name, found, expected)
        return
    raise AssertionError(f"{value!r}, not a {cls.__name__}")


async def exercise(client, limited):
    """Every call of the service; `limited` says whether a large result is refused."""
    compared = 0

    async def same(expected, name, *values):
        nonlocal compared
        found = await client.call(context(), name, *values)
        assert found == expected, (name, found, expected)
        compared += 1

    await same("pong:t1", "ping", "t1")
    await same("h\u00e9llo \U0001f980", "echo", "h\u00e9llo \U0001f980")
    await same("", "echo", "")
    await same(everything(), "roundtrip", everything())
    await same(9, "fails", 9)
    await same(None, "nothing")
    await same(False, "flag", True)
    await same(b"\xab" * 16, "blob", 16)
    shot = f"bang {FContext()._get_op_id()}"
    await same(None, "fire", shot)
    # Nobody says when a oneway call has been handled, so this asks until it has.
    async with asyncio.timeout(20):
        while await client.call(context(), "echo", "what was fired?") != shot:
            pass
    await fails(client.call(context(), "fails", 1), Oops, code=42, reason="declared")
    await fails(client.call(context(), "fails", 2), BaseError, code=7, reason="from base")
    await fails(client.call(context(), "fails", 3), TApplicationException, type=6, message="handler blew up")
    await fails(client.call(context(), "fails", 4), TApplicationException, type=400, message="application says no")
    compared += 4
    if limited:
        await fails(client.call(context(), "blob", 1100000), TTransportException, type=101)
        compared += 1
    ctx = context("cid-hdr").set_request_header("na\u00efve", "\u00fcn\u00ef").set_request_header("who", "alice")
    await client.call(ctx, "echo", "with headers")
    headers = ctx.get_response_headers()
    assert headers == {"_cid": "cid-hdr", "na\u00efve-back": "\u00fcn\u00ef", "served-for": "alice"}, headers
    return compared + 1


async def call(nats, address, url):
    connection = await connect(nats)
    for protocol in glue.PROTOCOLS:
        transport = FNatsTransport(connection, address)
        await transport.open()
        print("nats", protocol, await exercise(glue.Client(Wire, transport, protocol), True), flush=True)
        transport = FHttpTransport(url, 0, 1048576)
        print("http", protocol, await exercise(glue.Client(Wire, transport, protocol), True), flush=True)


def write_names(names):
    def write(oprot):
        oprot.writeListBegin(glue.TType.STRING, len(names))
        for name in names:
            oprot.writeString(name)
        oprot.writeListEnd()
    return write


def read_names(iprot):
    _, count = iprot.readListBegin()
    names = [iprot.readString() for _ in range(count)]
    iprot.readListEnd()
    return names


def read_struct(cls):
    def read(iprot):
        value = cls()
        value.read(iprot)
        return value
    return read


# Operation, how it is read, a value, and how that is written.
EVENTS = [
    ("Created", read_struct(Point), Point(1, 2, "L"), Point(1, 2, "L").write),
    ("Count", lambda iprot: iprot.readI64(), -77, lambda oprot: oprot.writeI64(-77)),
    ("Name", lambda iprot: iprot.readString(), "n\u00e4me", lambda oprot: oprot.writeString("n\u00e4me")),
    ("Names", read_names, ["a", "b"], write_names(["a", "b"])),
    ("Blob", lambda iprot: iprot.readBinary(), b"\x01\x02\xff", lambda oprot: oprot.writeBinary(b"\x01\x02\xff")),
    ("All", read_struct(Everything), everything(), everything().write),
]


async def subscribe(nats):
    client = await connect(nats)
    factory = FNatsSubscriberTransportFactory(client)
    for protocol in glue.PROTOCOLS:
        for operation, read, expected, _ in EVENTS:
            if protocol == "compact" and not isinstance(expected, (Point, Everything)):
                # thrift's Python reads no value in compact that is not in a struct.
                continue

            def handle(ctx, value, protocol=protocol, operation=operation, expected=expected):
                assert value == expected, (protocol, operation, value)
                user = ctx.get_request_header("_topic_user")
                print(protocol, operation, ctx.correlation_id, user, ctx.get_request_header("trace"), flush=True)

            topic = f"v1.{protocol}.eu.Events.{operation}"
            await glue.subscribe(factory.get_transport(), protocol, topic, operation, read, handle)
    await client.flush()
    print("ready", flush=True)
    await until_told()


async def publish(nats):
    client = await connect(nats)
    transport = FNatsPublisherTransportFactory(client).get_transport()
    published = 0
    for protocol in glue.PROTOCOLS:
        for operation, _, _, write in EVENTS:
            ctx = context("cid-pub").set_request_header("trace", "t-1")
            topic = f"v1.{protocol}.eu.Events.{operation}"
            variables = {"user": protocol, "region": "eu"}
            await glue.publish(transport, protocol, ctx, topic, operation, variables, write)
            published += 1
    await client.flush()
    print("published", published, flush=True)


asyncio.run({"serve": serve, "call": call, "subscribe": subscribe, "publish": publish}[sys.argv[2]](*sys.argv[3:]))
