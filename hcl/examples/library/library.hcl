# The sample platform: a small library of four modules behind one gateway.
# make run starts it; README.md says what each module shows.

gateway {
  listen   = "127.0.0.1:9130" # clients, and modules that call each other
  data_dir = "../../../.run/gateway"

  control {
    listen = "127.0.0.1:9131" # registration, announcements, notices, administrators
  }

  # Lets any module register. The processes below are told by the gateway, in
  # MODGATE_JOIN_SECRET; a real platform takes it from its environment.
  join_secret = "open-the-library-please"
}

# Short enough to watch: a module that says nothing is MISSING after a quarter
# of a minute.
defaults {
  ttl        = "15s"
  update_ttl = "1m"
  grace      = "8s"
  lease      = "5s"
}

# What a module knows of itself (its version, routes, requirements) it says
# when it registers. Here stands what its operator decides.

module "catalogue" {
  paths = ["/catalogue/books", "/catalogue/books/{id}"] # park even before the first registration
}

module "members" {}

module "loans" {}

module "search" {
  parking {
    per_module = 2000 # a search that is answered late helps nobody
  }
}

# The processes that the gateway starts and watches. Each finds in its
# environment MODGATE_CONTROL, MODGATE_DATA, MODGATE_JOIN_SECRET, and PORT.

process "catalogue-1" {
  module  = "catalogue"
  command = ["../../../.build/catalogue1", "-data", ".run/library/catalogue"]
  dir     = "../../.."
  port    = 9141
}

# The next generations wait until someone starts them: .build/upgrade does,
# under load.
process "catalogue-2" {
  module    = "catalogue"
  command   = ["../../../.build/catalogue2", "-data", ".run/library/catalogue"]
  dir       = "../../.."
  port      = 9142
  autostart = false
}

process "catalogue-2-1" {
  module    = "catalogue"
  command   = ["../../../.build/catalogue2", "-version", "2.1.0", "-data", ".run/library/catalogue"]
  dir       = "../../.."
  port      = 9143
  autostart = false
}

process "members" {
  module  = "members"
  command = ["../../../.build/members", "-data", ".run/library/members"]
  dir     = "../../.."
  port    = 9144
}

process "loans" {
  module  = "loans"
  command = ["../../../.build/loans", "-data", ".run/library/loans", "-alarm", "30s"]
  dir     = "../../.."
  port    = 9145
}

process "search" {
  module  = "search"
  command = ["../../../.build/search", "-data", ".run/library/search"]
  dir     = "../../.."
  port    = 9146
}
