gateway "main" {}

module {
  ttl = "10s"
}

module "a" "b" {}

module "not a name" {}
