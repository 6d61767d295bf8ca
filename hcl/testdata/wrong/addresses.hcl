gateway {
  listen = "127.0.0.1"
  control {
    listen = "localhost:http"
  }
}
