gateway {
  control {
    listen = "0.0.0.0:9131"
  }
}
