# What might follow from a.hcl is not told; what no text there mends is.
defaults {
  grace     = "30s"
  grace_min = "1m"
}

module "catalogue" {}

module "journal" {
  adapter = "dialect"
  ttl     = "${local.names[0]}"
  grace   = local.nowhere
  lease   = nowhere.lease

  version "1.0.0" {
    upstreams = ["http://127.0.0.1:${var.port}"]
    routes    = ["/journal", "jurnal"]

    requires "loans" {
      range = "1.0"
    }
    requires "members" {
      range = ">= 1, <"
    }
  }
}

module "notes" {
  paths    = ["/journal"]
  on_delay = "parc"
}

process "journal" {
  command = ["/bin/journal"]
  port    = 9130
}

process "notes" {
  command = ["/bin/notes"]
  port    = 9150
}
