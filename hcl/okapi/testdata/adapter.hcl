# Made of 4 module descriptors by modgate import okapi. What it does not express of a
# module is listed above the module.

variable "upstreams" {
  type        = map(string)
  default     = {}
  description = "where modules are, by FOLIO's module id; of those not named here each is at its own name"
}

# The modules stay as they are, behind the adapter okapi: gateway.plugins is to
# name the folder in which okapi.wasm is.

variable "tenants" {
  type        = list(string)
  description = "for which the modules are enabled, in the order in which they are updated"
}

variable "egress" {
  type        = map(string)
  default     = {}
  description = "where only that module finds the gateway, by FOLIO's module id; of those not named here a port of this machine"
}

locals {
  okapi = jsonencode({
    tenants = var.tenants
    modules = {
      "mod-users-1.0.0"            = { interface = "none" }
      "mod-users-1.1.0-SNAPSHOT.7" = { interface = "none" }
    }
  })
}

# folio_loans-1.0.0: folio_loans.
module "folio_loans" {
  version "1.0.0" {
    upstreams = [lookup(var.upstreams, "folio_loans-1.0.0", "http://folio-loans-1-0-0:8081")]
    scheme    = "folio"

    requires "loans" { range = "3.0" }
  }
}

# mod-loans-2.1.0: Loans and returns ${x}. Not expressed:
#   /loans/settings*: expressed as /loans/settings and /loans/settings/*, not for paths in which the last segment goes on
#   route /loans/*/renewals: path pattern "/loans/*/renewals", at offset 7: * stands for the rest of the path, so nothing may follow it
#   /legacy-loans*: expressed as /legacy-loans and /legacy-loans/*, not for paths in which the last segment goes on
#   route /nothing: it has no methods
#   interface fines "1.0 draft": Okapi reads it as "1.0"
#   route GET /loans/{}: it is of the interfaces loans and fines; expressed in the first
#   requirement users "16.1 16.0": Okapi reads it as "16.1"
#   requirement items "1.0": it is there twice; the first counts
#   interface custom-fields 2.0 (multiple): 1 handler found by the header X-Okapi-Module-Id only
#   interface _timer 1.0 (system): 2 handlers called by Okapi itself
#   timer POST /loans/expire, every 5 minute
#   timer POST /loans/remind, at "3 0 * * *" CET
#   filter * /* in phase auth, of type headers
#   modulePermissions of 1 handler
#   permissionsRequired of 1 handler
#   1 permission set
#   launch descriptor: mod-loans:2.1.0, 1 variable of environment
#   unknown property extensions
module "mod-loans" {
  replaces = ["mod-lending"]

  update     = "on-takeover"
  adapter    = "okapi"
  run_header = "X-Okapi-Request-Id"

  plugin {
    config = local.okapi
  }

  probe {
    type = "http"
  }

  version "2.1.0" {
    upstreams = [lookup(var.upstreams, "mod-loans-2.1.0", "http://mod-loans-2-1-0:9130")]
    egress    = [lookup(var.egress, "mod-loans-2.1.0", "127.0.0.1:19001")]
    scheme    = "folio"

    provides "loans" {
      version = "3.1"
      routes = [
        "GET POST /loans",
        "GET PUT DELETE /loans/{id}",
        "/loans/export/*",
        "GET /loans/settings",
        "GET /loans/settings/*",
        "GET /loans/kind/{kind}",
        "GET /loans/kind/{kind}/*",
        "GET /loans/{any}/pdf",
        "POST /legacy-loans",
        "POST /legacy-loans/*",
      ]
    }
    provides "fines" { version = "1.0" }

    requires "items" { range = "1.3 2.0" }
    requires "users" { range = "16.1" }
    requires "mod-users" {
      range = "1.0"
      kind  = "interface"
    }
    requires "erm-usage/files" {
      range    = "1.0"
      optional = true
    }
  }
}

# mod-users-1.0.0: mod-users.
# mod-users-1.1.0-SNAPSHOT.7: mod-users.
module "mod-users" {
  update     = "on-takeover"
  adapter    = "okapi"
  run_header = "X-Okapi-Request-Id"

  plugin {
    config = local.okapi
  }

  probe {
    type = "http"
  }

  version "1.0.0" {
    upstreams = [lookup(var.upstreams, "mod-users-1.0.0", "http://mod-users-1-0-0:8081")]
    egress    = [lookup(var.egress, "mod-users-1.0.0", "127.0.0.1:19002")]

    provides "users" {
      version = "16.0"
      routes = [
        "GET /users",
      ]
    }
  }

  version "1.1.0-SNAPSHOT.7" {
    upstreams = [lookup(var.upstreams, "mod-users-1.1.0-SNAPSHOT.7", "http://mod-users-1-1-0-snapshot-7:8081")]
    egress    = [lookup(var.egress, "mod-users-1.1.0-SNAPSHOT.7", "127.0.0.1:19003")]

    provides "users" {
      version = "16.1"
      routes = [
        "GET /users",
      ]
    }
    provides "mod-users" { version = "1.0" }
  }
}
