defaults {
  bounds {
    ttl   = "15m"
    grace = ["10m", "1m"]
    lease = ["1s"]
  }
}
