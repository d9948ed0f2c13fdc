"""Lets PyPI's frugal 3.4.1, which is of 2020, run on today's nats-py and thrift. Imported before anything of frugal's asyncio.

Frugal wants the names of asyncio-nats-client 0.8, of which nats-py is the successor with other ones, and subclasses thrift's
protocol decorator as it was in thrift 0.10.
"""
import sys
import types

import thrift.protocol.TProtocolDecorator
from nats.aio.client import Client as Today


class Decorator:
    """Whatever a subclass does not have is the decorated protocol's."""

    def __init__(self, *_):
        pass

    def __getattr__(self, name):
        if name == "_wrapped_protocol":
            raise AttributeError(name)
        return getattr(self._wrapped_protocol, name)


thrift.protocol.TProtocolDecorator.TProtocolDecorator = Decorator

_utils = types.ModuleType("nats.aio.utils")
_utils.new_inbox = lambda: Today().new_inbox()
sys.modules["nats.aio.utils"] = _utils


class Client(Today):
    async def subscribe_async(self, subject, queue="", cb=None):
        return await self.subscribe(subject, queue=queue, cb=cb)

    async def unsubscribe(self, subscription):
        await subscription.unsubscribe()

    async def publish(self, subject, data=b"", reply="", **rest):
        await super().publish(subject, bytes(data), reply=reply, **rest)

    async def publish_request(self, subject, reply, data):
        await self.publish(subject, data, reply)
