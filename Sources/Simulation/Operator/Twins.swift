import Raft
import Server

// Two processes with one id. The second has a place of its own in the network, from which it reaches the others; its id's
// address leads to the first. Sometimes it answers at the address of a third member, as a machine does that was made
// from another's image.
extension Mistakes {
    /// Its directory, with or without a sign that it is a copy, is started elsewhere.
    func copyDirectory(of node: SimulatedNode) {
        let isClone = random.chance(400)
        begin(.twin(Twin(original: node, isClone: isClone)), .copiedDirectory, node)
        // Without a sign of it only an orderly copy is one: of a directory that nobody runs on.
        guard isClone || random.chance(300) else { return start(copyOf: node) }
        takeDown([node]) { [self] in
            start(copyOf: node)
            later(0...400) { [self] in release(node) }
        }
    }

    private func start(copyOf node: SimulatedNode) {
        guard case .twin(let twin)? = current else { return }
        var image = node.image
        image.isCopy = !twin.isClone
        start(twin, on: image)
    }

    /// A new machine was given an id that is taken.
    func startStranger(as node: SimulatedNode) {
        let twin = Twin(original: node, isClone: false)
        begin(.twin(twin), .sameIDTwice, node)
        start(twin, on: DiskImage())
    }

    private func start(_ twin: Twin, on image: DiskImage) {
        let process: SimulatedNode = cluster.twin
        process.impersonate(twin.original, on: image)
        later(0...400) { [self] in
            let others = cluster.listed.filter { $0 !== twin.original }
            guard random.chance(300) else { return process.start() }
            let replaced = random.pick(others)
            var twin = twin
            twin.replaced = replaced
            current = .twin(twin)
            takeDown([replaced]) { [self] in
                guard !process.isHeld else { return release(replaced) }
                cluster.network.redirect(replaced.id, to: process)
                process.start()
            }
        }
        later(1500...8000) { [self] in endTwin(process) }
    }

    private func endTwin(_ process: SimulatedNode) {
        guard case .twin(let twin)? = current else { return }
        takeDown([process]) { [self] in
            cluster.network.endRedirection()
            if let replaced = twin.replaced, !replaced.isUp { release(replaced) }
            // It may have become the node, while its original did not run.
            later(500...1500) { [self] in settle() }
            if !twin.original.isUp, !twin.original.isHeld { cluster.nemesis.restartLater(twin.original) }
        }
    }

    /// Whoever is told that a later start of its directory is known has lost it.
    private func settle() {
        guard case .twin(let twin)? = current else { return }
        let original = twin.original
        // It may have been stopped or killed before it could say so.
        let hasVote = original.image.identity?.isAdmitted ?? false
        guard twin.hasRefusedOriginal || !hasVote else {
            guard original.process?.raft.suffrage.mayVote ?? false, isStartKnown(of: original) else {
                return later(100...300) { [self] in settle() }
            }
            current = nil
            return
        }
        takeDown([original]) { [self] in
            // Until now what either of them had counts.
            current = .directory(original)
            // It may keep what it has, or not; its vote it lost.
            original.replaceDirectory(
                by: random.chance(500) ? DiskImage() : original.image,
                alsoLosing: twin.isClone ? cluster.twin.image : nil)
            release(original)
            later(100...2000) { [self] in replace(original) }
        }
    }

    var isTwinCloned: Bool { if case .twin(let twin)? = current { twin.isClone } else { false } }

    /// Whoever has heard the twin only will object when it hears the original.
    ///
    /// Who knows the directory and no start of it can not. A member without entries of the members believes a copy's new
    /// directory until the log tells it the right one, without a start; and between followers nothing is sent that would.
    private func isStartKnown(of original: SimulatedNode) -> Bool {
        guard let identity = original.image.identity else { return false }
        return cluster.listed.allSatisfy {
            guard let known = $0.image.identity?[original.id] else { return false }
            return known.run.map { $0 == identity.run } ?? (known.directory == identity.directory)
        }
    }

    /// Whether the twin runs on the very directory of that node: then the one is the node as much as the other, whichever
    /// the others hear first.
    func isCloned(_ node: SimulatedNode) -> Bool {
        guard case .twin(let twin)? = current else { return false }
        return twin.isClone && twin.original === node
    }
}
