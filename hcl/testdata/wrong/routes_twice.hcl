module "catalogue" {
  version "1.0.0" {
    upstreams = ["http://127.0.0.1:9101"]
    routes    = ["GET /items/{id}", "DELETE GET /items/{isbn}"]

    provides "items" {
      version = "1.0"
      routes  = ["GET /items/{any}", "/items/{any}"]
    }
  }
  version "1.1.0" {
    upstreams = ["http://127.0.0.1:9102"]
    routes    = ["GET /items/{id}"]
  }
}
