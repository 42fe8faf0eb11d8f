//! Line ends of a file that is edited.

/// `edited` with the line ends of `text`, the file as it was: where each of its lines ends as on Windows, each does again.
pub(super) fn with_line_ends_of(text: &str, edited: &str) -> String {
    let lines = text.matches('\n').count();
    if lines > 0 && text.matches("\r\n").count() == lines {
        edited.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        edited.to_owned()
    }
}
