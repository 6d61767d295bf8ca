module "catalogue" {
  ttl = "10s"
}

module "catalogue" {
  ttl = "20s"
}

gateway {
  limits {}
  limits {}
}

gateway {}
