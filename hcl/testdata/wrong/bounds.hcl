gateway {
  limits {
    head        = "1KiB"
    connections = 0
  }
  timeouts {
    connect = "2h"
  }
}

defaults {
  lease = "6m"
}
