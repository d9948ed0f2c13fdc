"""Frugal's cross-language test in PyPI's frugal 3.4.1, for tests/frugal_test.rs: what the tables in docs/interop.md say, as a server and
as a client.

    frugal_test.py GEN server NATS              serves every protocol over NATS and HTTP; says `ready PROTOCOL=PORT ..`
    frugal_test.py GEN client NATS WHERE ..     calls at each `TRANSPORT:PROTOCOL:PORT`; says what it compared

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
from frugal_test import FrugalTest  # noqa: E402
from frugal_test.ttypes import Event, Insanity, Numberz, Xception, Xception2, Xtruct, Xtruct2  # noqa: E402
from thrift.Thrift import TApplicationException, TException  # noqa: E402
from thrift.transport.TTransport import TTransportException  # noqa: E402

LIMIT = 1024 * 1024


def deep():
    return {-4: {n: n for n in range(-4, 0)}, 4: {n: n for n in range(1, 5)}}


def insane(sent):
    return {1: {Numberz.TWO: sent, Numberz.THREE: sent}, 2: {}}


class Handler:
    def __getattr__(self, name):
        """The methods that give back what they are given."""

        async def echo(ctx, *values):
            return values[0] if values else None

        return echo

    async def testMapMap(self, ctx, hello):
        return deep()

    async def testInsanity(self, ctx, argument):
        return insane(argument)

    async def testMulti(self, ctx, arg0, arg1, arg2, arg3, arg4, arg5):
        return Xtruct("Hello2", arg0, arg1, arg2)

    async def testException(self, ctx, arg):
        if arg == "Xception":
            raise Xception(1001, arg)
        if arg == "TException":
            raise TException("a failure that is not declared")

    async def testMultiException(self, ctx, arg0, arg1):
        if arg0 == "Xception":
            raise Xception(1001, "This is an Xception")
        if arg0 == "Xception2":
            raise Xception2(2002, Xtruct(string_thing="This is an Xception2"))
        return Xtruct(string_thing=arg1)

    async def testUncaughtException(self, ctx):
        raise RuntimeError("An uncaught error")

    async def testUncheckedTApplicationException(self, ctx):
        raise TApplicationException(400, "Unchecked TApplicationException")

    async def testResponseTooLarge(self, ctx, request):
        return bytes(LIMIT)

    async def testOneway(self, ctx, milliseconds):
        await asyncio.sleep(milliseconds / 1000)


def read_event(iprot):
    event = Event()
    event.read(iprot)
    return event


def topic(preamble, ramble, role, rid):
    return f"{preamble}.{ramble}.{role}.{rid}.Events.EventCreated"


async def publish(client, protocol, ctx, preamble, ramble, role, rid, message):
    transport = FNatsPublisherTransportFactory(client).get_transport()
    variables = {"preamble": preamble, "ramble": ramble, "role": role, "RID": rid}
    event = Event(Message=message)
    await glue.publish(
        transport, protocol, ctx, topic(preamble, ramble, role, rid), "EventCreated", variables, event.write)


async def connect(url):
    client = on_today.Client()
    await client.connect(url)
    return client


async def until_told():
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def server(nats):
    client, ports, answers = await connect(nats), {}, set()
    for name, protocol in glue.PROTOCOLS.items():
        processor = glue.processor(FrugalTest, Handler())
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/frugal", new_http_handler(processor, protocol))
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        rid = str(runner.addresses[0][1])
        ports[name] = rid
        await FNatsServer(client, [f"frugal.*.*.rpc.{rid}"], processor, protocol).serve()

        def handle(ctx, event, name=name, rid=rid):
            preamble, ramble = ctx.get_request_header("preamble"), ctx.get_request_header("ramble")
            text = "received: " + event.Message
            answer = publish(client, name, FContext(), preamble, ramble, "response", rid, text)
            # A task that nobody holds may be gone before it has run.
            answers.add(asyncio.ensure_future(answer))

        transport = FNatsSubscriberTransportFactory(client).get_transport()
        await glue.subscribe(transport, name, topic("*", "*", "call", rid), "EventCreated", read_event, handle)
    await client.flush()
    print("ready", *[f"{name}={port}" for name, port in ports.items()], flush=True)
    await until_told()


THING = Xtruct("thing", 42, 4242, 424242)
INSANITY = Insanity(
    userMap={Numberz.FIVE: 5, Numberz.EIGHT: 8}, xtructs=[Xtruct("Goodbye4", 4, 4, 4), Xtruct("Hello2", 2, 2, 2)])
STRINGS = {"a": "2", "b": "blah", "some": "\u201cthing\u201d"}

# Method, arguments, result.
CALLS = [
    ("testVoid", [], None),
    ("testSuperClass", [], None),
    ("testString", ["thing\u00e5\u02c6\u00f0\u2016"], "thing\u00e5\u02c6\u00f0\u2016"),
    ("testBool", [True], True),
    ("testBool", [False], False),
    ("testByte", [42], 42),
    ("testI32", [4242], 4242),
    ("testI64", [424242], 424242),
    ("testDouble", [42.42], 42.42),
    ("testBinary", [b"101010"], b"101010"),
    ("testStruct", [THING], THING),
    ("testNest", [Xtruct2(42, THING, 4242)], Xtruct2(42, THING, 4242)),
    ("testMap", [{1: 2, 3: 4, 5: 42}], {1: 2, 3: 4, 5: 42}),
    ("testStringMap", [STRINGS], STRINGS),
    ("testSet", [{1, 2, 42}], {1, 2, 42}),
    ("testList", [[1, 2, 42]], [1, 2, 42]),
    ("testEnum", [Numberz.TWO], Numberz.TWO),
    ("testTypedef", [42], 42),
    ("testUppercaseMethod", [True], True),
    ("testMapMap", [42], deep()),
    ("testInsanity", [INSANITY], insane(INSANITY)),
    ("testMulti", [42, 4242, 424242, {1: "blah", 2: "thing"}, Numberz.EIGHT, 24], Xtruct("Hello2", 42, 4242, 424242)),
    ("testException", ["success"], None),
    ("testOneway", [1], None),
]

# Method, arguments, the class of the failure, and what is known of it.
FAILURES = [
    ("testException", ["Xception"], Xception, {"errorCode": 1001, "message": "Xception"}),
    ("testException", ["TException"], TApplicationException, {"type": 6}),
    ("testMultiException", ["Xception", "ignore"], Xception, {"message": "This is an Xception"}),
    ("testMultiException", ["Xception2", "ignore"], Xception2, {"errorCode": 2002}),
    ("testUncaughtException", [], TApplicationException, {"type": 6, "message": "An uncaught error"}),
    ("testUncheckedTApplicationException", [], TApplicationException, {"type": 400}),
    ("testRequestTooLarge", [bytes(LIMIT)], TTransportException, {"type": 100}),
    ("testResponseTooLarge", [b"1234"], TTransportException, {"type": 101}),
]


async def exercise(client):
    for name, values, expected in CALLS:
        found = await client.call(FContext("cid", 20000), name, *values)
        assert found == expected, (name, found, expected)
    for name, values, failure, known in FAILURES:
        try:
            found = await client.call(FContext("cid", 20000), name, *values)
        except failure as error:
            for attribute, expected in known.items():
                value = getattr(error, attribute)
                assert expected in value if isinstance(expected, str) else value == expected, (name, attribute, value)
        else:
            raise AssertionError(f"{name}{values[:1]}: {found!r}, not a {failure.__name__}")
    return len(CALLS) + len(FAILURES)


async def event(connection, protocol, rid):
    heard = asyncio.get_running_loop().create_future()
    transport = FNatsSubscriberTransportFactory(connection).get_transport()
    await glue.subscribe(transport, protocol, topic("foo", "bar", "response", rid), "EventCreated", read_event,
                         lambda ctx, event: heard.set_result(event.Message))
    await connection.flush()
    ctx = FContext().set_request_header("preamble", "foo").set_request_header("ramble", "bar")
    await publish(connection, protocol, ctx, "foo", "bar", "call", rid, "Sending call")
    message = await asyncio.wait_for(heard, 3)
    assert message == "received: Sending call", message
    return 1


async def client(nats, *places):
    connection = await connect(nats)
    for place in places:
        kind, protocol, port = place.split(":")
        if kind == "nats":
            transport = FNatsTransport(connection, f"frugal.foo.bar.rpc.{port}")
            await transport.open()
        else:
            transport = FHttpTransport(f"http://127.0.0.1:{port}/frugal", LIMIT, LIMIT)
        passed = await exercise(glue.Client(FrugalTest, transport, protocol))
        if kind == "nats":
            passed += await event(connection, protocol, port)
        print(kind, protocol, passed, flush=True)


asyncio.run({"server": server, "client": client}[sys.argv[2]](*sys.argv[3:]))
