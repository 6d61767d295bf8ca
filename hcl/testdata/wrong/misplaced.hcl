gateway {
  ttl        = "10s"
  per_module = 10
}

ttl = "30s"
