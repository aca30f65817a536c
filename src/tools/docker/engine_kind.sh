# `engine_kind CLIENT...` says podman for its client under any name, `service` for docker's client before podman's service, docker
# where the engine says that it is another, and unknown where it says nothing.
engine_kind() {
    case $("$@" --version 2>/dev/null </dev/null) in *[Pp]odman*) echo podman; return ;; esac
    # Early engines name no components.
    parts=$("$@" version --format '{{range .Server.Components}}{{.Name}};{{end}}' 2>/dev/null </dev/null) ||
        parts=$("$@" version --format '{{.Server.Version}}' 2>/dev/null </dev/null) || { echo unknown; return; }
    case $parts in
        *[Pp]odman*) echo service ;;
        *) echo docker ;;
    esac
}
