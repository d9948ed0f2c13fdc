"""What Frugal's compiler would generate, done at run time over what Apache's compiler generates: a client, a processor, a
publisher and a subscriber of any service and scope."""
import inspect

import on_today  # noqa: F401
from frugal.aio.processor import FBaseProcessor, FProcessorFunction
from frugal.exceptions import TApplicationExceptionType, TTransportExceptionType
from frugal.protocol import FProtocolFactory
from frugal.transport import TMemoryOutputBuffer
from thrift.protocol import TBinaryProtocol, TCompactProtocol, TJSONProtocol
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport.TTransport import TTransportException

PROTOCOLS = {
    "binary": FProtocolFactory(TBinaryProtocol.TBinaryProtocolFactory()),
    "compact": FProtocolFactory(TCompactProtocol.TCompactProtocolFactory()),
    "json": FProtocolFactory(TJSONProtocol.TJSONProtocolFactory()),
}


def methods(service):
    """Each method of a service and of those it extends: its arguments' class, and its result's, which a oneway one has not."""
    found = {}
    for interface in service.Iface.__mro__[:-1]:
        module = inspect.getmodule(interface)
        for name in vars(interface):
            if hasattr(module, name + "_args"):
                found[name] = (getattr(module, name + "_args"), getattr(module, name + "_result", None))
    return found


def fields(cls):
    return [spec for spec in cls.thrift_spec or () if spec]


class Function(FProcessorFunction):
    def __init__(self, name, args, result, handler, lock):
        super().__init__(handler, lock)
        self.name, self.args, self.result = name, args, result

    async def process(self, ctx, iprot, oprot):
        args = self.args()
        args.read(iprot)
        iprot.readMessageEnd()
        declared = {spec[3][0]: spec[2] for spec in fields(self.result or self.args) if spec[0] and spec[1] == TType.STRUCT}
        kind, reply = TMessageType.REPLY, self.result() if self.result else None
        try:
            success = await getattr(self._handler, self.name)(ctx, *[getattr(args, spec[2]) for spec in fields(args)])
            if hasattr(reply, "success"):
                reply.success = success
        except TApplicationException as error:
            kind, reply = TMessageType.EXCEPTION, error
        except Exception as error:
            if self.result and type(error) in declared:
                setattr(reply, declared[type(error)], error)
            else:
                text = TApplicationException(TApplicationExceptionType.INTERNAL_ERROR, str(error))
                kind, reply = TMessageType.EXCEPTION, text
        if self.result is None:
            return
        try:
            await self.write(ctx, oprot, kind, reply)
        except TTransportException as error:
            if error.type != TTransportExceptionType.REQUEST_TOO_LARGE:
                raise
            large = TApplicationException(TApplicationExceptionType.RESPONSE_TOO_LARGE, error.message)
            await self.write(ctx, oprot, TMessageType.EXCEPTION, large)

    async def write(self, ctx, oprot, kind, reply):
        async with self._lock:
            oprot.write_response_headers(ctx)
            oprot.writeMessageBegin(self.name, kind, 0)
            reply.write(oprot)
            oprot.writeMessageEnd()
            oprot.get_transport().flush()


def processor(service, handler):
    made = FBaseProcessor()
    for name, (args, result) in methods(service).items():
        made.add_to_processor_map(name, Function(name, args, result, handler, made.get_write_lock()))
    return made


class Client:
    def __init__(self, service, transport, protocol):
        self.methods, self.transport, self.protocol = methods(service), transport, PROTOCOLS[protocol]

    async def call(self, ctx, name, *values):
        args, result = self.methods[name]
        buffer = TMemoryOutputBuffer(self.transport.get_request_size_limit())
        oprot = self.protocol.get_protocol(buffer)
        oprot.write_request_headers(ctx)
        # Frugal's Python says so of oneway calls too.
        oprot.writeMessageBegin(name, TMessageType.CALL, 0)
        args(*values).write(oprot)
        oprot.writeMessageEnd()
        if result is None:
            return await self.transport.oneway(ctx, buffer.getvalue())
        iprot = self.protocol.get_protocol(await self.transport.request(ctx, buffer.getvalue()))
        iprot.read_response_headers(ctx)
        _, kind, _ = iprot.readMessageBegin()
        if kind == TMessageType.EXCEPTION:
            error = TApplicationException()
            error.read(iprot)
            iprot.readMessageEnd()
            if error.type == TApplicationExceptionType.RESPONSE_TOO_LARGE:
                raise TTransportException(TTransportExceptionType.RESPONSE_TOO_LARGE, error.message)
            raise error
        reply = result()
        reply.read(iprot)
        iprot.readMessageEnd()
        for spec in fields(result):
            if spec[0] and getattr(reply, spec[2]) is not None:
                raise getattr(reply, spec[2])
        return getattr(reply, "success", None)


async def publish(transport, protocol, ctx, topic, operation, variables, write):
    """Publishes what `write` writes. The topic is without the `frugal.` that the transport puts in front."""
    for name, value in variables.items():
        ctx.set_request_header("_topic_" + name, value)
    buffer = TMemoryOutputBuffer(transport.get_publish_size_limit())
    oprot = PROTOCOLS[protocol].get_protocol(buffer)
    oprot.write_request_headers(ctx)
    oprot.writeMessageBegin(operation, TMessageType.CALL, 0)
    write(oprot)
    oprot.writeMessageEnd()
    await transport.publish(topic, buffer.getvalue())


async def subscribe(transport, protocol, topic, operation, read, handle):
    """Gives `handle` the context and what `read` reads of every event."""

    def received(frame):
        iprot = PROTOCOLS[protocol].get_protocol(frame)
        ctx = iprot.read_request_headers()
        name, _, _ = iprot.readMessageBegin()
        if name != operation:
            raise TApplicationException(TApplicationExceptionType.UNKNOWN_METHOD, name)
        value = read(iprot)
        iprot.readMessageEnd()
        handle(ctx, value)

    await transport.subscribe(topic, received)
