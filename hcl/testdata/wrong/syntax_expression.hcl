gateway {
  listen =
}

module "catalogue" {
  ttl = "30s" grace = "3s"
}

module catalogue {
