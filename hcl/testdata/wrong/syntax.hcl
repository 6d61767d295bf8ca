gateway {
  listen = "127.0.0.1:9130
}

module "catalogue" {
  ttl = 
}
