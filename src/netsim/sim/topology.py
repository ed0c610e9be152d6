"""The shape of the network as a networkx graph, and shortest-path routing over it.

networkx is imported here, when a graph is first needed: two hosts on one link need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

    from netsim.sim.link import Channel, Link
    from netsim.sim.node import Node


def build_graph(nodes: dict[str, Node], links: list[tuple[Link, int]]) -> networkx.Graph[str]:
    """The graph: nodes by name, edges with the link's `cost` and `link` (its name); links that are down left out."""
    import networkx

    graph: networkx.Graph[str] = networkx.Graph()
    graph.add_nodes_from(nodes)
    for link, cost in links:
        if not (link.forward.up and link.backward.up):
            continue
        a, b = link.forward.source.name, link.forward.target.name
        if graph.has_edge(a, b) and graph[a][b]["cost"] <= cost:
            continue
        graph.add_edge(a, b, cost=cost, link=link.name)
    return graph


def shortest_path_routes(nodes: dict[str, Node], links: list[tuple[Link, int]]) -> dict[str, dict[str, Channel]]:
    """For every node, which channel leads to each address: least cost first, then the order of definition.

    A node with one link needs no table (it has a default route), but gets one all the same.
    """
    import networkx

    graph = build_graph(nodes, links)
    by_name = {link.name: link for link, _ in links}
    routes: dict[str, dict[str, Channel]] = {name: {} for name in nodes}
    for target_name, target in nodes.items():
        if not target.addresses:
            continue
        predecessors, _ = networkx.dijkstra_predecessor_and_distance(graph, target_name, weight="cost")
        for name, towards in predecessors.items():
            if not towards:
                continue
            link = by_name[graph[name][towards[0]]["link"]]
            for address in target.addresses:
                routes[name][address] = link.channel_from(name)
    return routes
