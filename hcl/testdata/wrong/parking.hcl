gateway {
  parking {
    per_module = 500
    per_caller = 50
  }
}

module "circulation" {
  parking {
    per_module = 2000
  }
}

module "inventory" {
  parking {
    per_module = 20
    per_caller = 30
  }
}

module "users" {
  parking {
    per_caller = -1
  }
}

module "orders" {
  parking {
    per_module = 2000000
    bytes      = "1MiB"
  }
}
