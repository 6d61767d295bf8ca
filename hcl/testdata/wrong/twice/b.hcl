variable "host" {
  default = "127.0.0.1"
}

module "catalogue" {}

process "loans" {
  command = ["loans"]
  port    = 9101
}

locals {
  port = 2
}
