import Storage

enum Version {
    static let current = ProductVersion.current
}
