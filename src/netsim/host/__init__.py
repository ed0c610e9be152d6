"""A host: demultiplexing, listen queue, resets for closed ports, ISN source, sockets. Sans-IO."""
