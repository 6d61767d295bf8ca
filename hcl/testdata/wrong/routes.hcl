module "catalogue" {
  paths = ["/due/*/late"]
}

module "loans" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]
    routes = [
      "GET",
      "get /loans",
      "GET /loans/*/renewals",
      "GET /loans/x{id}",
      "GET, PUT /loans/{id}",
    ]

    provides "fines" {
      version = "1.0"
      routes  = "/fines"
    }
    provides "reminders" {
      version = "1.0"
      routes  = ["/reminders", ""]
    }
  }
}
