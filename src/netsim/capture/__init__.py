"""Reading, writing and live capture of packets.

`tcpview.open_tcp` for TCP records (the checker's way in), `reader.CaptureReader` for frames,
`writer.open_writer` and `writer.annotate` to write, `live.LiveSource` for an interface.
"""
