gateway {
  limits {
    head        = "16KB"
    body        = 1048576
    connections = "many"
  }
  parking {
    per_module = 1.5
  }
}
