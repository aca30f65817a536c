# `engine_kind CLIENT...` says podman for its client under any name, `service` for docker's client before podman's service, else
# docker.
engine_kind() {
    case $("$@" --version 2>/dev/null </dev/null) in *[Pp]odman*) echo podman; return ;; esac
    case $("$@" version --format '{{range .Server.Components}}{{.Name}};{{end}}' 2>/dev/null </dev/null) in
        *[Pp]odman*) echo service ;;
        *) echo docker ;;
    esac
}
