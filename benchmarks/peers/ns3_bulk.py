"""ns-3 (the `ns3` package from PyPI): one bulk transfer over 100 Mbit/s and 10 ms. Argument: bytes."""

from __future__ import annotations

import json
import resource
import sys
import time

from ns import ns

SEGMENT = 1448


def main(size: int) -> None:
    """Run it; work is counted in data segments, as for ours."""
    for option, value in (("SegmentSize", SEGMENT), ("SndBufSize", 4 << 20), ("RcvBufSize", 4 << 20)):
        ns.Config.SetDefault(f"ns3::TcpSocket::{option}", ns.UintegerValue(value))
    ns.Config.SetDefault("ns3::TcpL4Protocol::SocketType", ns.StringValue("ns3::TcpNewReno"))
    nodes = ns.NodeContainer()
    nodes.Create(2)
    link = ns.PointToPointHelper()
    link.SetDeviceAttribute("DataRate", ns.StringValue("100Mbps"))
    link.SetChannelAttribute("Delay", ns.StringValue("10ms"))
    link.SetQueue("ns3::DropTailQueue", "MaxSize", ns.StringValue("1000p"))
    devices = link.Install(nodes)
    stack = ns.InternetStackHelper()
    stack.Install(nodes)
    network = ns.Ipv4AddressHelper()
    network.SetBase(ns.Ipv4Address("10.0.0.0"), ns.Ipv4Mask("255.255.255.0"))
    interfaces = network.Assign(devices)
    anywhere = ns.InetSocketAddress(ns.Ipv4Address.GetAny(), 80).ConvertTo()
    sinks = ns.PacketSinkHelper("ns3::TcpSocketFactory", anywhere).Install(nodes.Get(1))
    sinks.Start(ns.Seconds(0))
    server = ns.InetSocketAddress(interfaces.GetAddress(1), 80).ConvertTo()
    source = ns.BulkSendHelper("ns3::TcpSocketFactory", server)
    source.SetAttribute("MaxBytes", ns.UintegerValue(size))
    source.SetAttribute("SendSize", ns.UintegerValue(65536))
    source.Install(nodes.Get(0)).Start(ns.Seconds(0))
    ns.Simulator.Stop(ns.Seconds(3600))
    start = time.process_time()
    ns.Simulator.Run()
    seconds = time.process_time() - start
    sink = sinks.Get(0)
    received = (sink.__deref__() if hasattr(sink, "__deref__") else sink).GetTotalRx()
    if received != size:
        raise SystemExit(f"ns-3 delivered {received} of {size} bytes")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"work": size / SEGMENT, "seconds": seconds, "rss_mb": memory}))


main(int(sys.argv[1]))
