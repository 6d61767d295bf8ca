# The variable, one of the local values and one of the modules cannot be read.
variable "port" {
  default = 9130 +
}

locals {
  home = "127.0.0.1"
}

locals {
  names = ["a", "b"
}

module "catalogue" {
  graec = "5s"
  ttl   = "${local.home}"
}

module "loans" {
  adapter = "dialect
}

module "members" {
  probe {
    interval = "1s"

  grace = "10s"
}

process "search" {
  command = ["/bin/search"]
  port    = 9140

module "shelves" {
  ttl = "1s" grace = "2s"
  paths = ["/shelves/*"]
}
