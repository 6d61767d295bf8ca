gateway {
  control {
    listen      = "gateway.example:9131"
    certificate = "tls.crt"
  }
}
