module "catalogue" {}

process "catalogue" {
  command = ["catalogue"]
  port    = 9101
}

locals {
  port = 1
}

variable "host" {
  default = "localhost"
}
