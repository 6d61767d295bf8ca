defaults {
  ttl       = 30
  grace     = "30 seconds"
  start_ttl = ["1m"]
  lease     = "soon"
}
