module "catalogue" {
  paths         = ["items", "/items/{id}"]
  webhook_hosts = ["http://hooks.example/"]
  takeover {
    instances = 0
  }
}

gateway {
  cors {
    origins = ["*"]
  }
}
